#!/bin/bash
# Every module of a build tree is one that a node can replace and unload, and says who it is: no unique symbol, one export, no soname,
# a stamp, a digest that is right. Left out: what tests damage on purpose (directories in capitals, constructors that crash, "unsigned").
#   modules_check.sh BUILD [CNODE]: with the program given, `cnode describe` must accept each as well.
build=$1 cnode=${2:-} checked=0 failed=0
bad() { echo "$so: $*"; failed=1; }
while IFS= read -r so; do
  checked=$((checked + 1))
  symbols=$(readelf -W --dyn-syms "$so") || { bad "readelf cannot read it"; continue; }
  grep -q ' UNIQUE ' <<<"$symbols" && bad "has unique symbols"
  exported=$(awk '$5 != "LOCAL" && $7 != "UND" && $1 ~ /^[0-9]+:$/ && $8 != "" { print $8 }' <<<"$symbols")
  [ "$exported" = cnode_module_entry ] || bad "exports more or less than cnode_module_entry:" $exported
  readelf -dW "$so" | grep -q SONAME && bad "has a soname"
  readelf -nW "$so" 2>/dev/null | grep -q '\bcnode\b' || bad "carries no stamp"
  trailer=$(tail -c 95 "$so" | tr -d '\0')
  if [[ $trailer =~ ^CNODE-SHA256\ ([0-9a-f]{16})\ ([0-9a-f]{64})$ ]]; then
    digest=$(head -c $((16#${BASH_REMATCH[1]})) "$so" | sha256sum)
    [ "${digest%% *}" = "${BASH_REMATCH[2]}" ] || bad "its digest is wrong"
  else
    bad "ends with no digest"
  fi
  [ -z "$cnode" ] || "$cnode" describe "$so" >/dev/null 2>&1 || bad "cnode describe refuses it: $("$cnode" describe "$so" 2>&1 | tail -1)"
done < <(find "$build" -name '*.so' -type f | grep -Ev '/code_modules/([A-Z][^/]*|other_name|(opened|closed)_[^/]*)/|/unsigned/|/Text\.so$')
[ "$checked" -gt 0 ] || { echo "there is no module in $build"; exit 1; }
echo "$checked modules"
exit $failed
