#include "unique_fd.h"
