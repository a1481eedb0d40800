int a = 1;
// TODO: later
// FIXME
