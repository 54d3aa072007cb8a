import { describe, expect, test } from 'bun:test';
import { compileTemplate } from './index.ts';

const data = {
  Name: '/web',
  State: { Running: true, ExitCode: 0, Health: null },
  Ports: { '80/tcp': [{ HostIp: '0.0.0.0', HostPort: '8080' }], '443/tcp': null },
  Config: { Env: ['A=1', 'B=2'], Labels: { 'com.example.role': 'front' } },
  Size: 1500,
  Label: { parameters: 1, call: (name: unknown) => `label ${String(name)}` },
};

const render = (source: string): string => compileTemplate(source)(data);

describe('templates', () => {
  test.each([
    ['{{.Name}}', '/web'],
    ['a {{ .State.Running }} b', 'a true b'],
    ['{{.State.Health}}', '<nil>'],
    ['{{.Nothing}}', '<no value>'],
    ['{{json .State}}', '{"Running":true,"ExitCode":0,"Health":null}'],
    ['{{.Config.Env}}', '[A=1 B=2]'],
    ['{{.State}}', 'map[ExitCode:0 Health:<nil> Running:true]'],
    ['{{index .Config.Labels "com.example.role"}}', 'front'],
    ['{{(index (index .Ports "80/tcp") 0).HostPort}}', '8080'],
    ['{{range .Config.Env}}{{.}};{{end}}', 'A=1;B=2;'],
    ['{{range $i, $v := .Config.Env}}{{$i}}={{$v}} {{end}}', '0=A=1 1=B=2 '],
    [
      '{{range $p, $b := .Ports}}{{$p}}{{if $b}} -> {{(index $b 0).HostPort}}{{end}},{{end}}',
      '443/tcp,80/tcp -> 8080,',
    ],
    ['{{range .Nothing}}x{{else}}none{{end}}', 'none'],
    ['{{if .State.Running}}up{{else}}down{{end}}', 'up'],
    ['{{if .State.ExitCode}}bad{{else if .State.Health}}sick{{else}}good{{end}}', 'good'],
    ['{{if and .State.Running (eq .State.ExitCode 0)}}ok{{end}}', 'ok'],
    ['{{if or .State.Health (not .State.Running)}}a{{else}}b{{end}}', 'b'],
    ['{{with .Config.Labels}}{{len .}}{{end}}', '1'],
    ['{{$n := .Name}}{{$n | upper | printf "%s!"}}', '/WEB!'],
    ['{{$n := 1}}{{if true}}{{$n = 2}}{{end}}{{$n}}', '2'],
    ['{{range .Config.Env}}{{$.Name}} {{end}}', '/web /web '],
    ['{{join .Config.Env ", "}}', 'A=1, B=2'],
    ['{{join (split "a:b:c" ":") "/"}}', 'a/b/c'],
    ['{{title "one two"}} {{lower "ABC"}} {{slice .Name 1}}', 'One Two abc web'],
    [
      '{{printf "%-5s|%3d|%05.2f|%q|%x|%v|%t|%%" "ab" 7 3.14159 "q" 255 .Config.Env true}}',
      'ab   |  7|03.14|"q"|ff|[A=1 B=2]|true|%',
    ],
    ['{{print 1 2 "a" "b" 3}}|{{println "x" 1}}', '1 2ab3|x 1\n'],
    ['{{.Label "a"}}', 'label a'],
    ['a  {{- " b " -}}  c', 'a b c'],
    ['{{/* nothing */}}x{{- /* nothing */ -}} y', 'xy'],
    ['{{"a\\tb\\n"}}{{`raw\\t`}}', 'a\tb\nraw\\t'],
    ['{{range .Config.Env}}{{if eq . "B=2"}}{{break}}{{end}}{{.}}{{end}}', 'A=1'],
    ['{{ne 1 2}} {{lt 1 2}} {{ge 1 2}} {{gt .Size 1000.0}}', 'true true false true'],
    ['{{eq "a" "b" "a"}}', 'true'],
    ['{{truncate "abcdef" 3}}{{pad "x" 1 2}}', 'abc x  '],
  ])('%s', (source, expected) => {
    expect(render(source)).toBe(expected);
  });

  test.each([
    ['{{foo}}', 'template: :1: function "foo" not defined'],
    ['{{.Name', 'template: :1: unclosed action'],
    ['{{if .Name}}x', 'template: :1: unexpected EOF'],
    ['x{{end}}', 'template: :1: unexpected {{end}}'],
    ['{{}}', 'template: :1: missing value for command'],
    [
      '{{index .Config.Env 5}}',
      'template: :1:2: executing "" at <index .Config.Env 5>: error calling index: index out of range: 5',
    ],
    [
      '{{.State.Health.Status}}',
      'template: :1:8: executing "" at <.State.Health.Status>: nil pointer evaluating interface {}.Status',
    ],
    ['{{.Name.X}}', `template: :1:7: executing "" at <.Name.X>: can't evaluate field X in type string`],
  ])('%s is refused', (source, message) => {
    expect(() => render(source)).toThrow(message);
  });

  test('a field that is not there is an error where the caller wants it so', () => {
    expect(() => compileTemplate('{{.Foo}}')(data, { strictMaps: true })).toThrow(
      'template: :1:2: executing "" at <.Foo>: map has no entry for key "Foo"',
    );
  });
});
