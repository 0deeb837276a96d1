"""The reference's JSON files and other formats, in and out."""
