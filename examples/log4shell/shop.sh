#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The vulnerable web service, in a container with nothing but busybox: it logs
# a header of each request, and its logging library looks "${jndi:...}" up.
#
#   shop.sh            listens on 8080
#   shop.sh --request  answers one request on stdin and stdout
set -u

# -ll -e: one after the other, for ever.
[ "${1:-}" = --request ] || exec nc -ll -p 8080 -e "$0" --request

version=
while IFS= read -r line; do
  line=${line%"$(printf '\r')"}
  [ -n "$line" ] || break
  case $line in
    X-Api-Version:*) version=${line#*: } ;;
  esac
done

answer=ok
case $version in
  *'${jndi:ldap://'*)
    address=${version#*'${jndi:ldap://'}
    address=${address%%/*}
    port=${address##*:}
    host=${address%:*}
    host=${host#[}
    host=${host%]}
    echo "shop: looking up $host port $port" >&2
    if echo bind | nc -w 2 "$host" "$port" >/dev/null; then
      answer=exploited
    else
      answer="look-up failed"
    fi
    ;;
  *) echo "shop: client version '$version'" >&2 ;;
esac
printf 'HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s' \
  "${#answer}" "$answer"
