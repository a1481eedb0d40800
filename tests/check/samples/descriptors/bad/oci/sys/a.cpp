int a(const char* path) { return ::open(path, O_RDONLY); }
int b(int fd) {
  return ::accept(fd, nullptr, nullptr);
}
FILE* c(const char* path) { return ::fopen(path, "r"); }
