int a(const char* path) {
  return ::open(path,
                O_RDONLY | O_CLOEXEC);
}
int b() { return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); }
// ::accept() would not do.
Result<File> c() { return File::open("x"); }
int d() {
  // Standard input is kept across exec.
  return ::open("/dev/null", O_RDONLY);
}
