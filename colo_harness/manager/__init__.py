"""Who watches a pair from outside, has a lost host fenced, and promotes the other one."""
