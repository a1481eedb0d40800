#include "rules/base/result.h"
#include "rules/emit/assembler.h"
