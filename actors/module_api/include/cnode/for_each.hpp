// CNODE_FOR_EACH(macro, first, a, b, c): macro(first, a) macro(first, b) macro(first, c). Up to 250 names or so.
#pragma once

#define CNODE_PARENTHESES ()
#define CNODE_EXPAND(...) CNODE_EXPAND3(CNODE_EXPAND3(CNODE_EXPAND3(CNODE_EXPAND3(__VA_ARGS__))))
#define CNODE_EXPAND3(...) CNODE_EXPAND2(CNODE_EXPAND2(CNODE_EXPAND2(CNODE_EXPAND2(__VA_ARGS__))))
#define CNODE_EXPAND2(...) CNODE_EXPAND1(CNODE_EXPAND1(CNODE_EXPAND1(CNODE_EXPAND1(__VA_ARGS__))))
#define CNODE_EXPAND1(...) __VA_ARGS__

#define CNODE_FOR_EACH(macro, first, ...) __VA_OPT__(CNODE_EXPAND(CNODE_FOR_EACH_STEP(macro, first, __VA_ARGS__)))
#define CNODE_FOR_EACH_STEP(macro, first, a, ...) \
  macro(first, a) __VA_OPT__(CNODE_FOR_EACH_AGAIN CNODE_PARENTHESES(macro, first, __VA_ARGS__))
#define CNODE_FOR_EACH_AGAIN() CNODE_FOR_EACH_STEP
