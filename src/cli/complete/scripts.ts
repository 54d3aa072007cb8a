/**
 * The script of each shell: it asks `__complete` and offers what it says. Of the commands themselves it knows nothing,
 * so that it is good for versions to come. NAME stands for the program.
 */
const bash = `# bash completion for NAME:  source <(NAME completion bash)

# The words up to the cursor, put together again where bash has cut them at = and :
__NAME_words() {
  local rest=\${COMP_LINE:0:COMP_POINT} trimmed piece i
  words=()
  for ((i = 0; i <= COMP_CWORD; i++)); do
    trimmed=\${rest#"\${rest%%[![:space:]]*}"}
    piece=\${COMP_WORDS[i]}
    ((i == COMP_CWORD)) && piece=$trimmed
    if ((i == 0)) || [[ $trimmed != "$rest" ]]; then words+=("$piece"); else words[\${#words[@]} - 1]+=$piece; fi
    rest=\${trimmed#"$piece"}
  done
  # What is quoted is passed on without its quotes, and never evaluated.
  words=("\${words[@]//[\\"\\'\\\\]/}")
  words=("\${words[@]/#\\~\\//$HOME/}")
}

__NAME_complete() {
  local words line directive cut
  COMPREPLY=()
  __NAME_words
  local word=\${words[\${#words[@]} - 1]} piece=\${COMP_WORDS[COMP_CWORD]}
  [[ $piece == [=:]* || -z $word ]] && piece=\${piece##*[=:]}
  cut=$((\${#word} - \${#piece}))
  ((cut < 0)) && cut=0
  while IFS= read -r line; do
    if [[ $line == :* ]]; then directive=\${line#:}; else line=\${line%%$'\\t'*}; COMPREPLY+=("\${line:cut}"); fi
  done < <("\${words[0]}" __complete "\${words[@]:1}" 2>/dev/null)
  directive=\${directive:-1}
  if ((directive & 16)); then
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -d -- "$piece")
    compopt -o filenames 2>/dev/null
  fi
  ((directive & 2)) && compopt -o nospace 2>/dev/null
  ((directive & 4)) && compopt +o default +o bashdefault 2>/dev/null
  return 0
}

complete -o default -o bashdefault -F __NAME_complete NAME
`;

const zsh = `#compdef NAME
# zsh completion for NAME:  source <(NAME completion zsh), or this as _NAME in a folder of $fpath

_NAME() {
  local line text directive=1
  local -a asked plain spaceless
  asked=("\${(@Q)words[1,CURRENT-1]}" "\${(Q)PREFIX}")
  local -a lines
  lines=("\${(@f)$("\${asked[1]}" __complete "\${(@)asked[2,-1]}" 2>/dev/null)}")
  local -a found
  for line in "\${lines[@]}"; do
    if [[ $line == :* ]]; then
      directive=\${line#:}
    elif [[ -n $line ]]; then
      text=\${line%%$'\\t'*}
      if [[ $line == *$'\\t'* ]]; then found+=("\${text//:/\\\\:}:\${line#*$'\\t'}"); else found+=("\${text//:/\\\\:}"); fi
    fi
  done
  if (( directive & 16 )); then
    _files -/
  elif (( \${#found} == 0 && ! (directive & 4) )); then
    _files
  elif (( directive & 2 )); then
    _describe 'NAME' found -S ''
  else
    _describe 'NAME' found
  fi
}

# Autoloaded by its name it is called at once, sourced it is made known.
if [[ \${funcstack[1]} == _NAME ]]; then _NAME "$@"; else compdef _NAME NAME; fi
`;

const fish = `# fish completion for NAME:  NAME completion fish | source

function __NAME_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    set -l directive 1
    set -l found
    for line in ($words[1] __complete $words[2..-1] "$word" 2>/dev/null)
        if string match -q ':*' -- $line
            set directive (string sub -s 2 -- $line)
        else
            set -a found $line
        end
    end
    if test (math "bitand($directive, 16)") -ne 0
        __fish_complete_directories "$word"
    else if test (count $found) -eq 0 -a (math "bitand($directive, 4)") -eq 0
        __fish_complete_path "$word"
    else if test (count $found) -gt 0
        printf '%s\\n' $found
    end
end

complete -c NAME -e
complete -c NAME -f -a '(__NAME_complete)'
`;

/** The scripts by the name of their shell; in each, NAME is to become the program's. */
export const scripts: Readonly<Record<string, string>> = { bash, fish, zsh };
