"""Where lines come from: files, gzip, standard input, pipes, files that grow."""
