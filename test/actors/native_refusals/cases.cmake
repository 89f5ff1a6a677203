# CASE|RULE|TYPE of states.cpp, for refusals.cmake.
set(good ALL_GOOD NONE)
set(cases
  "POINTER|raw pointers|int\\*|int \\*"
  "VIEW|must not hold views|basic_string_view"
  "SHARED|points into the module's code|shared_ptr<int>"
  "FUNCTION|points into the module's code|function<void"
  "ANY|points into the module's code|std::any"
  "TERM|must not hold terms|term"
  "NUMBER|must not hold terms|number"
  "ALLOCATOR|default allocator|own_allocator"
  "COMPARATOR|default allocator, comparator|greater<int>"
  "DELETER|default allocator, comparator, hash and deleter|unique_ptr<int"
  "HASH_OF_ONES_OWN|std::hash of your own|key"
  "HEADER|include <cnode/containers.hpp>|set<int"
  "ARRAY|use std::array|int.*\\[3\\]"
  "NESTED|list all fields of this type with CNODE_STRUCT|undescribed"
  "UNDESCRIBED|list all fields of this type with CNODE_STRUCT|state"
  "VIRTUAL|virtual functions|state"
  "BASE|must have no base class|state"
  "FEWER|lists fewer fields|state"
  "FEWER_FITS_NO_HOLE|must list all fields|state"
  "ORDER|in their order|state"
  "UPGRADE_FROM_ITSELF_LACKS_A_RESULT|f takes old&& and gives new|state")
