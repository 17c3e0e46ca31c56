# Shortcuts for developers; each line calls the real thing, and works without make.
.PHONY: help check test services services-env up bench crash demo
.DEFAULT_GOAL := help
ROUNDS ?= 50

help:          ## list these targets
	@sed -n 's/^\([a-z-]*\): *\(.*\)## \(.*\)/  \1	\3/p' Makefile | expand -t 18

check:         ## formatting, lint, types and layers, as CI runs them
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports

test:          ## unit, flow and contract tests; with the real servers where they are up
	./script/test

services:      ## start PostgreSQL, MinIO and OpenSearch on this machine
	./script/services up

services-env:  ## print the settings that point Muniment at them
	@./script/services env

up:            ## run Muniment: watched folders, workers, web
	.venv/bin/muniment up

bench:         ## measure this machine against the targets
	.venv/bin/muniment bench

crash:         ## kill and fail it at every step and call, ROUNDS times at random; on the servers too where they are up
	./script/crash --rounds $(ROUNDS) --publishings $(ROUNDS) --every-call

demo:          ## the main job on sample scans, ending in a search hit
	./script/demo
