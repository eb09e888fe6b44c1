//! The companion's own log: what is in it, what a bad disk does, and that it can be fed again.
