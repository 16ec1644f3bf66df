"""The pages. No privilege, no SQL, no network command."""
