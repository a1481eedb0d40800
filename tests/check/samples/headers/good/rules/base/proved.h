#pragma once
std::string not_compiled_here();
