"""Components that no compiler here makes, written by hand and assembled with
jco, which tools/setup brings."""
import glob
import os
import subprocess

from harness import ROOT, Skip

NPM = os.path.join(ROOT, ".deps", "npm", "node_modules")

# calls exit-with-code with the first byte of its body
EXIT_CODE = """(component
  (import "wasi:cli/exit@0.2.12" (instance $exit
    (export "exit-with-code" (func (param "status-code" u8)))))
  (alias export $exit "exit-with-code" (func $code))
  (core func $code (canon lower (func $code)))
  (core module $main
    (import "env" "code" (func $code (param i32)))
    (func (export "run") (result i32)
      (call $code (i32.const CODE)) unreachable))
  (core instance $main (instantiate $main
    (with "env" (instance (export "code" (func $code))))))
  (alias core export $main "run" (core func $run))
  (func $run (result (result)) (canon lift (core func $run)))
  (instance $cli (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $cli)))
"""

# exits with the length of the value of "model", 255 when there is none
CONFIG = """(component
  (import "wasi:cli/exit@0.2.12" (instance $exit
    (export "exit-with-code" (func (param "status-code" u8)))))
  (import "wasi:config/store@0.2.0-rc.1" (instance $store
    (type $v (variant (case "upstream" string) (case "io" string)))
    (export "error" (type $e (eq $v)))
    (export "get" (func (param "key" string)
      (result (result (option string) (error $e)))))))
  (core module $libc
    (memory (export "memory") 2)
    (data (i32.const 16) "model")
    (global $next (mut i32) (i32.const 65536))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $next) (i32.const 15))
        (i32.const -16)))
      (global.set $next (i32.add (local.get $at) (local.get 3)))
      (local.get $at)))
  (core instance $libc (instantiate $libc))
  (alias core export $libc "memory" (core memory $memory))
  (alias core export $libc "realloc" (core func $realloc))
  (alias export $exit "exit-with-code" (func $code-c))
  (core func $code (canon lower (func $code-c)))
  (alias export $store "get" (func $get-c))
  (core func $get (canon lower (func $get-c) (memory $memory)
    (realloc $realloc)))
  (core module $main
    (import "env" "memory" (memory 2))
    (import "env" "code" (func $code (param i32)))
    (import "env" "get" (func $get (param i32 i32 i32)))
    (func (export "run") (result i32)
      (call $get (i32.const 16) (i32.const 5) (i32.const 1024))
      (if (i32.load8_u (i32.const 1024)) (then
        (call $code (i32.const 254))))
      (if (i32.eqz (i32.load8_u (i32.const 1028))) (then
        (call $code (i32.const 255))))
      (call $code (i32.load (i32.const 1036))) unreachable))
  (core instance $main (instantiate $main (with "env" (instance
    (export "memory" (memory $memory)) (export "code" (func $code))
    (export "get" (func $get))))))
  (alias core export $main "run" (core func $run))
  (func $run (result (result)) (canon lift (core func $run)))
  (instance $cli (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $cli)))
"""


def assemble(box, text, name="work/assembled.wasm"):
    """The component of a text, in the box."""
    jco = os.path.join(NPM, "@bytecodealliance", "jco", "dist", "jco.js")
    if not os.path.exists(jco):
        raise Skip("no jco")
    nodes = glob.glob(os.path.join(NPM, "node-linux-*", "bin", "node"))
    source, target = box.file(name + ".wat", text), box.path(name)
    subprocess.run([nodes[0] if nodes else "node", jco, "parse", source,
                    "-o", target], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.PIPE, timeout=60)
    return box.own(target)
