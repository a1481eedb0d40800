// Reads ../shared/rules when it is there.
