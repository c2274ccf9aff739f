"""Rules in CEL that would go on for long, or take much, if they were let."""

#: Twenty megabytes to be searched a hundred times: longer than any limit in a test, in few steps.
SLOW = (
    "['" + "a" * 40 + "']" + ".map(a, a + a)" * 19 + ".all(a, [1,2,3,4,5,6,7,8,9,10].all(x, "
    "[1,2,3,4,5,6,7,8,9,10].all(y, !a.matches('(a|b)+c'))))"
)
#: Gigabytes.
HUGE = "['" + "a" * 40 + "']" + ".map(a, a + a)" * 26 + ".all(a, a != '')"
