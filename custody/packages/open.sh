#!/bin/sh
# Open the encrypted files of this package in another folder: sh open.sh KEYFILE FOLDER
set -eu
key=$1
to=$2
find data -type f -name '*.age' | while IFS= read -r file; do
  target=$to/${file%.age}
  mkdir -p "${target%/*}"
  age -d -i "$key" -o "$target" "$file"
done
