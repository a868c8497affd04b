# Prints what zsh offers for a line at whose end Tab is pressed: zsh -f zsh_offers.zsh FOLDER LINE
# FOLDER holds the completion function (_orrery) and is written to. The line is typed into a zsh of its own on a pseudo-terminal, where
# compadd also writes down what it is given.
zmodload zsh/zpty || exit 3
setup=$1/setup.zsh
cat >$setup <<'END'
PS1= ; stty -echo
fpath=($folder $fpath)
autoload -Uz compinit && compinit -u -D
compadd() {
  if [[ ${@[1,(i)(-|--)]} == *-[OAD]* ]]; then builtin compadd "$@"; return; fi
  local -a hits
  builtin compadd -A hits "$@"
  print -rl -- $hits >>$folder/offers
  builtin compadd "$@"
}
offer() { zle list-choices; print >$folder/done; }
zle -N offer
bindkey '^I' offer
END
rm -f $1/done; : >$1/offers
export folder=$1
zpty shell zsh -f -i
zpty -w shell "source $setup; print set-up-is-done"
zpty -r shell seen '*set-up-is-done*set-up-is-done*'
zpty -w -n shell $2$'\t'
for ((i = 0; i < 400; ++i)); do
  [[ -e $1/done ]] && break
  sleep 0.05
  zpty -r -t shell seen
done
[[ -e $1/done ]] || { print -u2 "zsh did not answer: $seen"; exit 1; }
sort -u $1/offers | grep .
