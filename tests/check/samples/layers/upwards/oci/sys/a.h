#include "hook/kernel/kernel.h"
