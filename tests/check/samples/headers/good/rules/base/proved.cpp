#include "rules/base/proved.h"
