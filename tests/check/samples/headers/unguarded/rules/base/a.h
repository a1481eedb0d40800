inline int a() { return 1; }
