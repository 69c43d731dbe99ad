"""The format of a data set: names, columns, encodings and every file of a folder, one by one."""
