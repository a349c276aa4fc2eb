"""IR to text: the files of a generated package."""
