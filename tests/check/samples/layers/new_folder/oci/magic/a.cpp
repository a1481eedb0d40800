#include "oci/sys/unique_fd.h"
