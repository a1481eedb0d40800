#pragma once
#include <string>
inline std::string a() { return "a"; }
