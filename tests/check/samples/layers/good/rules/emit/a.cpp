#include "rules/emit/a.h"

#include <linux/bpf.h>

#include <vector>

#include "rules/base/result.h"
#include "rules/lower/plan.h"
