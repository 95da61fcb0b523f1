"""The field's file formats, one file a format; store/formats/reading.py finds out which one a file has."""
