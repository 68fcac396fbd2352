// SPDX-License-Identifier: Apache-2.0

package native

import (
	"errors"
	"fmt"
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	goruntime "runtime"
	"strings"
	"testing"
)

// The two halves work on the same memory, so some constants and structs are written down twice, in C and in Go. Here they
// are compared: the Go side is read from its source, the C side is asked by a program compiled from its headers. Nothing is
// compared by default and nothing left out: a constant, struct or enumerator without a counterpart fails the test too.

// headers declare the C side of every mirror.
const headers = "#include \"state.h\"\n#include \"descriptors.h\"\n"

// A mirror is a Go file that repeats what C declares.
type mirror struct {
	file string
	// Every constant of the file: Go's name, and the C expression with the same value. own: C has nothing like it.
	constants map[string]string
	// Structs: Go's name and C's. A field HeapDeadline is heap_deadline in C, unless fields has another name for it;
	// what Go does not look at is _.
	structs map[string]string
	fields  map[string]string
	// Whether every struct of the file is a mirror, as in a file that is about nothing else.
	everyStruct bool
}

const own = ""

var mirrors = []mirror{{
	file: "../shared.go",
	constants: map[string]string{
		"Forever": "COTHREAD_FOREVER", "Now": "COTHREAD_NOW",
		"Woken": "0", "errInvalid": "COTHREAD_EINVAL", "errExists": "COTHREAD_EEXIST", "errBusy": "COTHREAD_EBUSY",
		"errTimedOut":    "COTHREAD_ETIMEDOUT",
		"errInterrupted": "COTHREAD_EINTR", "errClosed": "COTHREAD_ECLOSED", "errLimit": "COTHREAD_ELIMIT",
		"errBadDescriptor": "COTHREAD_EBADF", "errSystem": "COTHREAD_ESYSTEM",
		"stateFree": "TASK_FREE", "stateReady": "TASK_READY", "stateRunning": "TASK_RUNNING",
		"stateWaiting": "TASK_WAITING", "stateEnded": "TASK_ENDED",
		"flagCancelled": "TASK_CANCELLED", "flagShielded": "TASK_SHIELDED", "flagDetached": "TASK_DETACHED",
		"flagHost": "TASK_HOST", "flagMain": "TASK_MAIN", "flagInWaitUntil": "TASK_IN_WAIT_UNTIL",
		"waitOnArmed": "WAIT_ARMED", "waitOfHost": "WAIT_OF_HOST", "waitOfItem": "WAIT_OF_ITEM", "waitOfTransfer": "WAIT_OF_TRANSFER",
		"chunkBits": "CHUNK_BITS", "chunks": "CHUNKS",
		"DueCapacity": "DUE_CAPACITY",
		"StopDone":    "STOP_DONE", "StopMain": "STOP_MAIN", "StopCall": "STOP_CALL",
		"callAdopt": "CALL_ADOPT", "callRelease": "CALL_RELEASE", "callWakeFD": "CALL_WAKE_FD", "callDrained": "CALL_DRAINED",
		"callSource": "CALL_SOURCE",
	},
	structs:     map[string]string{"Block": "task", "Wait": "wait", "Due": "due", "Shared": "shared"},
	fields:      map[string]string{"HostFirst": "host"},
	everyStruct: true,
}, {
	file: "../../poll/poll.go",
	constants: map[string]string{
		"Readable": "COTHREAD_READABLE", "Priority": "COTHREAD_PRIORITY", "Writable": "COTHREAD_WRITABLE",
		"Error": "COTHREAD_ERROR", "Hangup": "COTHREAD_HANGUP", "ReadHangup": "COTHREAD_READHUP",
		"requestable": "WAITABLE & ~(COTHREAD_ERROR | COTHREAD_HANGUP)", "always": "COTHREAD_ERROR | COTHREAD_HANGUP",
		"Batch": own,
	},
	structs: map[string]string{"HostInterest": "cothread_pollfd"},
	fields:  map[string]string{"Found": "revents"},
}, {
	file: "../../capi/main.go",
	constants: map[string]string{
		"errNoMemory": "COTHREAD_ENOMEM", "errBroken": "COTHREAD_EBROKEN",
		"schedulersMax": "SCHEDULER_NUMBERS", "processorsAtFirst": own,
	},
}}

// sharedEnums are those of which both halves know every member.
var sharedEnums = []string{"task_state", "task_flag", "wait_flag", "stop", "call"}

// A claim is one number that both sides have: Go's value, and C's expression for it.
type claim struct {
	goName, c string
	value     int64
}

func TestBothHalvesSeeTheSameConstantsAndLayouts(t *testing.T) {
	var claims []claim
	for _, m := range mirrors {
		claims = append(claims, m.claims(t)...)
	}
	values := askC(t, claims)
	for i, c := range claims {
		if values[i] != c.value {
			t.Errorf("%s is %d in Go, %s is %d in C", c.goName, c.value, c.c, values[i])
		}
	}
}

func TestBothHalvesKnowEveryMemberOfASharedEnum(t *testing.T) {
	known := map[string]bool{}
	for _, m := range mirrors {
		for _, c := range m.constants {
			known[c] = true
		}
	}
	source := preprocessed(t)
	for _, enum := range sharedEnums {
		body := regexp.MustCompile(`enum\s+` + enum + `\s*\{([^}]*)\}`).FindStringSubmatch(source)
		if body == nil {
			t.Errorf("no header declares an enum %s", enum)
			continue
		}
		for member := range strings.SplitSeq(body[1], ",") {
			name, _, _ := strings.Cut(strings.TrimSpace(member), " ")
			if name != "" && !known[name] {
				t.Errorf("%s of enum %s is compared with nothing in Go", name, enum)
			}
		}
	}
}

// claims reads the Go side, and reports what is there but not in the tables, and the other way round.
func (m *mirror) claims(t *testing.T) (claims []claim) {
	t.Helper()
	scope, declared := declarations(t, m.file)
	constantsLeft, structsLeft := copyOf(m.constants), copyOf(m.structs)
	for _, name := range declared {
		switch object := scope.Lookup(name).(type) {
		case *types.Const:
			c, ok := m.constants[name]
			delete(constantsLeft, name)
			if !ok && m.constants != nil {
				t.Errorf("%s: the constant %s is compared with nothing in C: add it to this test", m.file, name)
			}
			if ok && c != own {
				value, exact := constant.Int64Val(constant.ToInt(object.Val()))
				if !exact {
					t.Errorf("%s: %s does not fit 64 bits", m.file, name)
				}
				claims = append(claims, claim{name, c, value})
			}
		case *types.TypeName:
			layout, isStruct := object.Type().Underlying().(*types.Struct)
			c, ok := m.structs[name]
			delete(structsLeft, name)
			if isStruct && !ok && m.everyStruct {
				t.Errorf("%s: the struct %s is compared with nothing in C: add it to this test", m.file, name)
			}
			if isStruct && ok {
				claims = append(claims, m.layoutClaims(name, c, layout)...)
			}
		}
	}
	for name := range constantsLeft {
		t.Errorf("%s has no constant %s any more", m.file, name)
	}
	for name := range structsLeft {
		t.Errorf("%s has no struct %s any more", m.file, name)
	}
	return claims
}

// layoutClaims are a struct's size and the offset and size of each field that Go names.
func (m *mirror) layoutClaims(goName, c string, layout *types.Struct) (claims []claim) {
	sizes := types.SizesFor("gc", goruntime.GOARCH)
	fields := make([]*types.Var, layout.NumFields())
	for i := range fields {
		fields[i] = layout.Field(i)
	}
	offsets := sizes.Offsetsof(fields)
	for i, field := range fields {
		if field.Name() == "_" {
			continue
		}
		inC, ok := m.fields[field.Name()]
		if !ok {
			inC = cSpelling(field.Name())
		}
		where := goName + "." + field.Name()
		claims = append(claims,
			claim{"the offset of " + where, fmt.Sprintf("offsetof(struct %s, %s)", c, inC), offsets[i]},
			claim{"the size of " + where, fmt.Sprintf("sizeof(((struct %s *)0)->%s)", c, inC), sizes.Sizeof(field.Type())})
	}
	return append(claims, claim{"the size of " + goName, fmt.Sprintf("sizeof(struct %s)", c), sizes.Sizeof(layout)})
}

// cSpelling turns HeapDeadline into heap_deadline, and FD into fd.
func cSpelling(name string) string {
	return strings.ToLower(regexp.MustCompile(`([a-z0-9])([A-Z])`).ReplaceAllString(name, "${1}_$2"))
}

func copyOf(m map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range m {
		out[k] = v
	}
	return out
}

// declarations type-checks the package of a file and returns its scope and the file's own constants and types. What the
// package imports is not needed, except for the standard library, which the layouts of its fields depend on.
func declarations(t *testing.T, path string) (*types.Scope, []string) {
	t.Helper()
	set := token.NewFileSet()
	sources, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	var names []string
	for _, source := range sources {
		if strings.HasSuffix(source, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, source, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
		if filepath.Base(source) != filepath.Base(path) {
			continue
		}
		for _, declaration := range file.Decls {
			general, ok := declaration.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range general.Specs {
				switch spec := spec.(type) {
				case *ast.ValueSpec:
					for _, name := range spec.Names {
						if name.Name != "_" {
							names = append(names, name.Name)
						}
					}
				case *ast.TypeSpec:
					names = append(names, spec.Name.Name)
				}
			}
		}
	}
	if names == nil {
		t.Fatalf("%s declares nothing", path)
	}
	config := types.Config{
		Importer:    standardLibrary{importer.ForCompiler(set, "source", nil)},
		FakeImportC: true,
		Error:       func(error) {}, // of what was not imported
	}
	checked, _ := config.Check(path, set, files, nil)
	return checked.Scope(), names
}

type standardLibrary struct{ types.Importer }

func (l standardLibrary) Import(path string) (*types.Package, error) {
	switch path {
	case "sync/atomic", "unsafe":
		return l.Importer.Import(path)
	}
	return nil, errors.New("not needed")
}

// askC returns the values of the claims' C expressions.
func askC(t *testing.T, claims []claim) []int64 {
	t.Helper()
	var source strings.Builder
	fmt.Fprintf(&source, "%s#include <stdio.h>\nint main(void) {\n", headers)
	for _, c := range claims {
		fmt.Fprintf(&source, "printf(\"%%lld\\n\", (long long)(%s));\n", c.c)
	}
	source.WriteString("}\n")
	program := filepath.Join(t.TempDir(), "values")
	compile(t, source.String(), "-o", program)
	output, err := exec.Command(program).Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(string(output))
	if len(lines) != len(claims) {
		t.Fatalf("%d values of %d", len(lines), len(claims))
	}
	values := make([]int64, len(lines))
	for i, line := range lines {
		if _, err := fmt.Sscan(line, &values[i]); err != nil {
			t.Fatal(err)
		}
	}
	return values
}

func preprocessed(t *testing.T) string {
	t.Helper()
	// go test forgets a cached result when a file changes that the test itself has looked at, and not when the compiler has.
	for name := range strings.FieldsSeq(compile(t, headers, "-MM")) {
		_, _ = os.Stat(name)
	}
	return compile(t, headers, "-E", "-P")
}

func compile(t *testing.T, source string, arguments ...string) string {
	t.Helper()
	compiler := os.Getenv("CC")
	if compiler == "" {
		compiler = "gcc"
	}
	var said strings.Builder
	command := exec.Command(compiler, append([]string{"-std=gnu11", "-I.", "-x", "c", "-"}, arguments...)...)
	command.Stdin = strings.NewReader(source)
	command.Stderr = &said
	output, err := command.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", command.Args, err, said.String())
	}
	return string(output)
}
