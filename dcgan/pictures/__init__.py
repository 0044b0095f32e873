"""Picture files and arrays: reading, writing, converting, naming; whole writes and records."""
