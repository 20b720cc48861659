#!/bin/sh
# Steps at a few sizes, one JSON report a line on standard output. More options go to every run.
cd "$(dirname "$0")/.." || exit 1
for size in 512 768 1024; do
  ./anima bench --pixels "$size" --json "$@" | tr -d '\n'
  echo
done
