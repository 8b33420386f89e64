// The command line of this project: see README.md.
return 0;
