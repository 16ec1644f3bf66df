"""A WeChat official account: pushes in, QR codes out."""
