package archtest_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"chimera/internal/archtest"
)

const module = "chimera/internal/"

type pkg struct {
	ImportPath, Dir, Name     string
	Imports, GoFiles          []string
	TestImports, XTestGoFiles []string
	TestGoFiles, SFiles       []string
}

func list(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json", "chimera/...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var pkgs []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); err == io.EOF {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

// room returns a package's path under internal/, or "cmd/…" for a command.
func room(importPath string) string {
	if rest, ok := strings.CutPrefix(importPath, module); ok {
		return rest
	}
	return strings.TrimPrefix(importPath, "chimera/")
}

func TestImportsPointDown(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range list(t) {
		name := room(p.ImportPath)
		seen[name] = true
		if archtest.TestOnly[name] || strings.HasPrefix(name, "cmd/") {
			continue
		}
		rank, ok := archtest.Ranks[name]
		if !ok {
			t.Errorf("%s has no rank: decide which room it is (internal/archtest/rank.go, docs/architecture.md)", name)
			continue
		}
		for _, imported := range p.Imports {
			checkImport(t, name, rank, imported)
		}
	}
	for name := range archtest.Ranks {
		if !seen[name] {
			t.Errorf("rank for %s, but there is no such package", name)
		}
	}
	for name := range archtest.TestOnly {
		if !seen[name] {
			t.Errorf("%s is listed as test-only, but there is no such package", name)
		}
	}
}

func checkImport(t *testing.T, name string, rank int, imported string) {
	t.Helper()
	for _, bad := range archtest.Forbidden[name] {
		exact := strings.HasSuffix(bad, "$")
		bad = strings.TrimSuffix(bad, "$")
		if imported == bad || !exact && strings.HasPrefix(imported, bad+"/") {
			t.Errorf("%s must never import %s", name, imported)
		}
	}
	for _, driver := range archtest.Drivers {
		if strings.HasPrefix(imported, driver) && !strings.HasPrefix(name, "store/") {
			t.Errorf("%s imports %s: database drivers belong below store/", name, imported)
		}
	}
	if !strings.HasPrefix(imported, module) {
		if rank == archtest.StandardOnly && strings.Contains(strings.Split(imported, "/")[0], ".") {
			t.Errorf("%s (rank 0) imports %s: rank 0 stands on the standard library alone", name, imported)
		}
		return
	}
	other := room(imported)
	if archtest.TestOnly[other] {
		t.Errorf("%s imports %s, which only tests may", name, other)
		return
	}
	if otherRank, ok := archtest.Ranks[other]; ok && otherRank >= rank {
		t.Errorf("%s (rank %d) imports %s (rank %d): imports must point down", name, rank, other, otherRank)
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for _, p := range list(t) {
		if archtest.VagueNames[p.Name] {
			t.Errorf("%s: package name %q says nothing", p.ImportPath, p.Name)
		}
		documented := false
		for _, f := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, f), nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			documented = documented || file.Doc != nil
		}
		if !documented && len(p.GoFiles) > 0 {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}

// TestOnlySomeRoomsTouchTheWorld holds environment, exit, signals, flags and
// the clock to the rooms that own them.
func TestOnlySomeRoomsTouchTheWorld(t *testing.T) {
	for _, p := range list(t) {
		name := room(p.ImportPath)
		if archtest.TestOnly[name] {
			continue
		}
		for _, f := range p.GoFiles {
			path := filepath.Join(p.Dir, f)
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, rule := range archtest.Calls {
				if !allowed(name, rule.Allowed) && uses(file, rule.Package, rule.Name) {
					t.Errorf("%s/%s uses %s.%s: %s", name, f, rule.Package, rule.Name, rule.Instead)
				}
			}
		}
	}
}

func allowed(name string, rooms []string) bool {
	for _, r := range rooms {
		if name == r || strings.HasPrefix(name, r+"/") {
			return true
		}
	}
	return false
}

// uses reports whether file refers to name of the package at path; an empty
// name means any import of it.
func uses(file *ast.File, path, name string) bool {
	local := ""
	for _, imp := range file.Imports {
		if strings.Trim(imp.Path.Value, `"`) == path {
			local = path[strings.LastIndex(path, "/")+1:]
			if imp.Name != nil {
				local = imp.Name.Name
			}
		}
	}
	if local == "" || name == "" {
		return local != ""
	}
	found := false
	ast.Inspect(file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == name {
			if id, ok := sel.X.(*ast.Ident); ok && id.Name == local {
				found = true
			}
		}
		return !found
	})
	return found
}

func TestFilesStayReadable(t *testing.T) {
	walkGo(t, func(path string, src []byte) {
		lines := strings.Count(string(src), "\n")
		if _, ok := archtest.LongFiles[path]; lines > 800 && !ok {
			t.Errorf("%s has %d lines: split it by purpose, or give a reason in archtest.LongFiles", path, lines)
		}
	})
}

func TestTestsDoNotSleep(t *testing.T) {
	walkGo(t, func(path string, src []byte) {
		if !strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "internal/archtest") {
			return
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, src, 0)
		if err != nil {
			t.Fatal(err)
		}
		// Inside a synctest bubble a sleep takes no time and orders events exactly.
		if uses(file, "time", "Sleep") && !uses(file, "testing/synctest", "") {
			t.Errorf("%s sleeps: use testing/synctest, or wait for the event itself", path)
		}
	})
}

// walkGo visits every Go file of the module, by slash path from its root.
func walkGo(t *testing.T, visit func(path string, src []byte)) {
	t.Helper()
	root := os.DirFS("../..")
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != "." && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		src, err := fs.ReadFile(root, path)
		if err == nil {
			visit(path, src)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
