class PolicyManager {};
struct RuleInfo;
