"""Coverage-guided fuzzing of what strangers can write to: nothing may crash, hang or stay behind."""
