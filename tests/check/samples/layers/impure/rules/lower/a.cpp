#include <chrono>
#include <unistd.h>
