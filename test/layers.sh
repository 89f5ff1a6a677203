#!/bin/bash
# Boost lies in the system's include path, visible to every target; this keeps it, and the sockets, where they belong: in cnode/src/io.
cd "$(dirname "$0")/.." || exit 1
found=$(grep -rnE '#include *<boost/|#include *<(sys/socket|netinet/|arpa/)' protocol actors/include actors/module_api actors/src cnode/src/services cnode/include)
[ -z "$found" ] || { echo "an include that has no business there:"; echo "$found"; exit 1; }
# OpenSSL: for digests behind one function, and where sockets are.
found=$(grep -rlE '#include *<openssl/' protocol actors cnode | grep -vE '^(actors/src/code/sha256.cpp|cnode/src/io/)')
[ -z "$found" ] || { echo "OpenSSL where it has no business:"; echo "$found"; exit 1; }
# Arrows point one way: protocol knows no actors, actors know no cnode/node.
found=$(grep -rnE '#include *[<"]cnode/(actors|node)/' protocol; grep -rnE '#include *[<"]cnode/node/' actors)
[ -z "$found" ] || { echo "a lower layer reaches up:"; echo "$found"; exit 1; }
