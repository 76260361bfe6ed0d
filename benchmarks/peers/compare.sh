#!/bin/sh
# Our algorithms and those of other libraries, tuned alike on the same folds, to docs/peers.md:
#
#   TRIALS=15 SPLITS="1 2 3" TASKS="holdout next-item" sh benchmarks/peers/compare.sh FOLDER ENVIRONMENTS
#
# FOLDER: where folds and results go; what is finished there is kept. ENVIRONMENTS: what environments.sh made.
# SPLITS: seeds, of the split (leave-last-n has one) and of tuning and training. ROWS="ease slim" compares just these.
# `bench` and `python` are those of this project. MovieLens' licence forbids to pass its data on: keep FOLDER out of git.
set -eu
mkdir -p "$1"
here=$(cd "$(dirname "$0")" && pwd) folder=$(cd "$1" && pwd) environments=$(cd "$2" && pwd)
export OMP_NUM_THREADS=1
rows() {
    case $1 in
    holdout) echo "popularity user-knn item-knn rp3beta ease slim pure-svd ials bpr-mf lightgcn mult-dae vae recvae" ;;
    next-item) echo "gru sasrec" ;;
    esac
}
ours() {
    bench run --suite "$1/suite.toml" --out "$1/ours" --task "$2" $(printf -- "--only %s " $3) --tune "$trials" --jobs 1 \
        >>"$1/ours.log" || echo "not all of ours has a result: $3 on $2, split $1; see $1/ours.log" >&2
}
theirs() {
    fold=$1/$2
    for library in implicit rectools lenskit recbole; do
        "$environments/$library/bin/python" -W ignore "$here/peer_$library.py" "$fold" "$fold/$library" \
            $(printf -- "--only %s " $3) --trials "$trials" --seed "$(basename "$1")" >>"$fold/$library.log" 2>&1 ||
            echo "not all of $library has a result: $3 on $2, split $1; see $fold/$library.log" >&2
        for row in $3; do
            result=$fold/$library/$row
            [ ! -e "$result/lists.csv" ] || bench evaluate --recommendations "$result/lists.csv" \
                --truth "$fold/test.csv" --train "$fold/train.csv" --train "$fold/validation.csv" \
                --metrics "$metrics" --json >"$result/judged.json"
        done
    done
}

trials=${TRIALS:-15} metrics=precision@10,ndcg_full@10,recall@10,ndcg@10,hit@10
for seed in ${SPLITS:-1 2 3}; do
    split=$folder/$seed
    mkdir -p "$split"
    sed "s/^seed = .*/seed = $seed/" "$here/all-ratings.toml" >"$split/suite.toml"
    for task in ${TASKS:-holdout next-item}; do
        [ -e "$split/$task/fold.json" ] || bench export-fold --suite "$split/suite.toml" --task "$task" --to "$split/$task"
        chosen=${ROWS:-$(rows "$task")}
        ours "$split" "$task" "$chosen"
        theirs "$split" "$task" "$chosen"
    done
done
python "$here/table.py" "$folder"
