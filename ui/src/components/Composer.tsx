interface Props { text: string; onText: (text: string) => void; busy: boolean; stoppable: boolean; disabled: boolean; placeholder: string; onSend: (text: string) => void; onStop: () => void; onAbandon?: () => void }

export function Composer({ text, onText, busy, stoppable, disabled, placeholder, onSend, onStop, onAbandon }: Props) {
  const submit = () => {
    const trimmed = text.trim();
    if (!trimmed || busy || disabled) return;
    onText("");
    onSend(trimmed);
  };
  return (
    <form className="composer" onSubmit={(e) => { e.preventDefault(); submit(); }}>
      <textarea
        aria-label="Message"
        rows={2}
        value={text}
        placeholder={disabled ? "This agent is not ready" : placeholder}
        disabled={disabled}
        onChange={(e) => onText(e.target.value)}
        onKeyDown={(e) => { if (e.key === "Enter" && !e.shiftKey && !e.nativeEvent.isComposing) { e.preventDefault(); submit(); } }}
      />
      {onAbandon && <button type="button" className="stop" onClick={onAbandon}>Drop the question</button>}
      {busy ? <button type="button" className="stop" disabled={!stoppable} onClick={onStop}>Stop</button> : <button type="submit" disabled={disabled || !text.trim()}>Send</button>}
    </form>
  );
}
