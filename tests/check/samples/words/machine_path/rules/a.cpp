const char* path = "../shared/rules.yaml";
