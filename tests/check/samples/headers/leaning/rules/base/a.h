#pragma once
inline std::string a() { return "a"; }
