#!/usr/bin/env bash
# Kills (signal 9) an index build, a run of features and a training at random moments; then the same
# command, and the same command with one changed input. What may come out: the result of a run that was
# left alone, or a refusal that names the input, with the older results untouched. Never a mixture.
#
#   scripts/kill_test.sh [ROUNDS] [SEED]      100 rounds by default, a third of each kind
#
# Needs the examples of the debug build (or those in the folder EXAMPLES) and Python 3. The last line is
# a summary; the exit status is 1 if a round failed.
set -u
cd "$(dirname "$0")/.."
rounds=${1:-100}
RANDOM=${2:-1}
examples=${EXAMPLES:-${CARGO_TARGET_DIR:-target}/debug/examples}
model=tests/data/model_v1.bpk
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0 killed=0 refused=0 anew=0

python3 - "$work" <<'PYTHON'
import json, random, shutil, struct, sys, zlib
root = sys.argv[1]

def png(path, seed, side=48):
    rng = random.Random(seed)
    base = [rng.randrange(256) for _ in range(3)]
    rows = b"".join(
        b"\0" + bytes((base[c] + x * (c + 1) + y * seed + rng.randrange(9)) % 256 for x in range(side) for c in range(3))
        for y in range(side))
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    with open(path, "wb") as out:
        out.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))

def table(path, count, moved=None):
    places = [(48.8, 2.3), (-33.9, 151.2), (40.7, -74.0)]
    with open(path, "w") as out:
        out.write("path,latitude,longitude\n")
        for i in range(count):
            lat, lng = places[i % 3]
            if i == moved:
                lat += 1.5
            out.write(f"{i:03}.png,{lat},{lng}\n")

for i in range(64):
    png(f"{root}/{i:03}.png", i)
for i in range(64, 768):
    shutil.copy(f"{root}/{i % 64:03}.png", f"{root}/{i:03}.png")
# The moved photo is the first: it is in every build that has begun.
table(f"{root}/index.csv", 768)
table(f"{root}/index_changed.csv", 768, moved=0)
table(f"{root}/train.csv", 60)
table(f"{root}/train_changed.csv", 60, moved=0)
recipe = """title = "killed"
[partition]
type = "level"
level = 3
[encoder]
config = {{ type = "small_cnn", input_size = 16, channels = [4, 8] }}
{frozen}[approach]
type = "classifier"
dropout = 0.3
[training]
batch = 8
checkpoint_every = 5
validate_every_epochs = 10
[[training.phases]]
steps = {steps}
learning_rate = 1e-3
"""
open(f"{root}/train.toml", "w").write(recipe.format(frozen="", steps=120))
frozen = f"weights = \"{root}/weights.safetensors\"\nfrozen = true\n"
open(f"{root}/features.toml", "w").write(recipe.format(frozen=frozen, steps=40))

# Weights for the frozen encoder, in the form that its checkpoints have.
rng, header, data = random.Random(7), {}, b""
for stage, (inputs, outputs) in enumerate([(3, 4), (4, 8)]):
    norm = {"weight": 1.0, "bias": 0.0, "running_mean": 0.0, "running_var": 1.0}
    tensors = {"conv.weight": ([outputs, inputs, 3, 3], None)}
    tensors |= {f"norm.{name}": ([outputs], value) for name, value in norm.items()}
    for name, (shape, value) in tensors.items():
        count = 1
        for side in shape:
            count *= side
        values = [rng.uniform(-0.3, 0.3) if value is None else value for _ in range(count)]
        offsets = [len(data), len(data) + 4 * count]
        header[f"stages.{stage}.{name}"] = {"dtype": "F32", "shape": shape, "data_offsets": offsets}
        data += struct.pack(f"<{count}f", *values)
text = json.dumps(header).encode()
with open(f"{root}/weights.safetensors", "wb") as out:
    out.write(struct.pack("<Q", len(text)) + text + data)
PYTHON

run() { "$@" > "$work/stdout" 2> "$work/stderr"; }
fail() {
    failures=$((failures + 1))
    echo "round $round ($kind, killed after ${after} ms): $1"
    tail -n 3 "$work/stderr" | sed 's/^/    /'
}
milliseconds() { echo $(($(date +%s%N) / 1000000)); }

index() { run "$examples/build_index" --model "$model" --photos "$work/$1.csv" --out "$2/places.index"; }
train() { run "$examples/train" --data "$work/$1.csv" --recipe "$work/train.toml" --out "$2"; }
features() {
    run "$examples/train" --data "$work/$1.csv" --recipe "$work/features.toml" --out "$2"
}
# What must be equal; a model file differs in the ids of its parameters.
files() {
    case $1 in
        index) echo places.index ;;
        train) echo report.json ;;
        features) echo report.json features ;;
    esac
}
same() { for file in $(files "$kind"); do cmp -s "$1/$file" "$2/$file" || return 1; done; }

kinds=(index train features)
declare -A span
for kind in "${kinds[@]}"; do
    for input in "$kind" "${kind}_changed"; do
        data=${input/features/train}
        mkdir -p "$work/whole/$input"
        begun=$(milliseconds)
        if ! "$kind" "$data" "$work/whole/$input"; then
            echo "the run that is left alone fails: $(tail -n 1 "$work/stderr")"
            exit 1
        fi
        span[$kind]=$(($(milliseconds) - begun))
    done
done

for ((round = 1; round <= rounds; round++)); do
    kind=${kinds[$((round % ${#kinds[@]}))]}
    data=${kind/features/train}
    out="$work/cut"
    rm -rf "$out"
    mkdir -p "$out"
    # An older index must stay whole until it is replaced.
    old=""
    if [[ $kind == index && $((RANDOM % 2)) == 0 ]]; then
        cp "$work/whole/index_changed/places.index" "$out/places.index"
        old=$work/whole/index_changed/places.index
    fi
    after=$((RANDOM * span[$kind] / 32768))
    # The shell tells of the signal on its own standard error.
    { "$kind" "$data" "$out"; } 2> /dev/null &
    shell=$!
    sleep "$(printf '%d.%03d' $((after / 1000)) $((after % 1000)))"
    if victim=$(pgrep -P "$shell"); then
        kill -9 $victim 2> /dev/null && killed=$((killed + 1))
    fi
    wait "$shell" 2> /dev/null
    if [[ -n $old ]] && ! cmp -s "$old" "$out/places.index" && ! same "$work/whole/$kind" "$out"; then
        fail "the older index is neither whole nor replaced by the new one"
    fi
    if ((RANDOM % 2)); then
        "$kind" "$data" "$out" || fail "the same command fails"
        same "$work/whole/$kind" "$out" || fail "the same command comes to another result"
        continue
    fi
    cp -r "$out" "$work/before"
    if "$kind" "${data}_changed" "$out"; then
        anew=$((anew + 1))
        same "$work/whole/${kind}_changed" "$out" || fail "a changed input is mixed with the old one"
    else
        refused=$((refused + 1))
        grep -q "000.png" "$work/stderr" || fail "a changed input is refused without its name"
        for file in $(files "$kind"); do
            [[ ! -e $work/before/$file ]] || cmp -s "$work/before/$file" "$out/$file" ||
                fail "a refused command has changed $file"
        done
        "$kind" "$data" "$out" || fail "after a refusal the first command fails"
        same "$work/whole/$kind" "$out" || fail "after a refusal the first command comes to another result"
    fi
    rm -rf "$work/before"
done
echo "$rounds rounds of ${kinds[*]}: $killed killed at work, $refused changed inputs refused by name," \
    "$anew built anew, $failures failures"
((failures == 0))
