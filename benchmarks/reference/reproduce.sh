#!/bin/sh
# Everything, from the data to docs/reference.md:  sh benchmarks/reference/reproduce.sh FOLDER CORNAC_PYTHON
#
# FOLDER: where data, folds and results go. MovieLens' licence forbids to pass its data on: keep it out of git.
# CORNAC_PYTHON: the interpreter of an environment that has Cornac. `bench` and `python` are those of this project.
set -eu
absolute() { echo "$(cd "$(dirname "$1")" && pwd)/$(basename "$1")"; }
mkdir -p "$1"
here=$(cd "$(dirname "$0")" && pwd) cornac=$(absolute "$2")
cd "$1"
cp "$here/official.toml" "$here/surprise.toml" "$here/recbole.toml" .

python "$here/official_splits.py" splits
python "$here/surprise_folds.py" surprise
python "$here/recbole_split.py" recbole

bench run --suite official.toml --out runs --jobs "${JOBS:-1}"
bench run --suite surprise.toml --out runs --jobs "${JOBS:-1}"
bench run --suite recbole.toml --out runs --jobs "${JOBS:-1}" --seeds 3

"$cornac" "$here/cornac_lists.py" splits/u.data cornac
evaluate() {
    model=cornac/$1 metrics=$2
    shift 2
    bench evaluate --recommendations "$model/lists.csv" --truth cornac/truth.csv \
        --train cornac/train_positives.csv --n-items 1656 --metrics "$metrics" --json "$@" >"$model/ours.json"
}
lists=auc,map@1656,ndcg@10,precision@10,recall@10
evaluate mf "mae_user,rmse_user,$lists" --predictions cornac/mf/predictions.csv
evaluate pmf "mae_user,rmse_user,$lists" --predictions cornac/pmf/predictions.csv
evaluate bpr "$lists"

python "$here/table.py" .
