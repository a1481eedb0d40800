#include "rules/lower/plan.h"
