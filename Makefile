# The commands of the project. `make run` and `make test` install what is missing (Debian 12: tools/packages.apt).
BUILD_PACKAGES = build-essential cmake libcmocka-dev libyaml-dev ninja-build

.PHONY: run test check build soak fast power bench coverage schema fuzz format clean help

run: ## build, and tell the museum's histories
	@tools/setup.sh $(BUILD_PACKAGES)
	@tools/build.sh build isrsim
	@build/isrsim tour scenarios/museum

test: ## everything that must hold (about ten minutes)
	@tools/test.sh

build: ## the command and its C tests, Release, into build/
	@tools/setup.sh $(BUILD_PACKAGES)
	@tools/build.sh build

check: build ## the quick part of the tests: C tests and scenarios, Release
	@ctest --test-dir build --output-on-failure --parallel "$$(nproc)"
	@build/isrsim run scenarios --quiet

soak: ## 20,000 random seeds of the correct engine under faults, 2,000 over budget
	@tools/setup.sh $(BUILD_PACKAGES)
	@tools/build.sh build isrsim
	@build/isrsim soak --seeds 1..20000
	@build/isrsim soak --seeds 1..2000 --profile over-budget

fast: build ## build-fast/isrsim: optimised for what random runs do, for long hunts (gcc, some minutes)
	@tools/fast.sh

power: ## how well random search finds the museum's exhibits, into reports/
	@tools/setup.sh $(BUILD_PACKAGES)
	@tools/build.sh build isrsim
	@build/isrsim museum power --strategies random,pct,guided --csv reports/museum-power.csv > build/museum-power.md
	@tools/museum-power.sh build/museum-power.md > reports/museum-power.md
	@cat reports/museum-power.md

bench: ## how fast worlds run
	@tools/setup.sh $(BUILD_PACKAGES)
	@tools/build.sh build isrsim
	@build/isrsim bench

coverage: ## which lines of the engine nothing runs; fails below 95 % and where one is not explained
	@tools/setup.sh $(BUILD_PACKAGES) gcovr
	@tools/coverage.sh

fuzz: ## a minute for each parser and decoder
	@tools/setup.sh
	@tools/fuzz.sh 60

schema: ## writes the schema of scenario files for editors
	@tools/setup.sh $(BUILD_PACKAGES)
	@tools/build.sh build isrsim
	@build/isrsim schema > scenarios/scenario.schema.json

format: ## formats every C file
	@tools/setup.sh clang-format
	@find core sim faults harness -name '*.[ch]' -print0 | xargs -0 clang-format -i

clean: ## removes everything that was built
	rm -rf build build-clang build-debug build-fast build-fuzz build-coverage .venv

help: ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/make \1\t\2/p' Makefile | expand -t 16
