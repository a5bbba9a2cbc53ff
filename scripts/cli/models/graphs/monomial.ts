/**
 * Sizes and scales of a graph whose numbers are not known before it runs: a coefficient times powers
 * of named unknowns, such as `8 * places`, or `width ^ -0.5`.
 */
export interface Monomial {
  readonly coefficient: number;
  readonly powers: ReadonlyMap<string, number>;
}

export function constant(coefficient: number): Monomial {
  return { coefficient, powers: new Map() };
}

export function unknown(name: string): Monomial {
  return { coefficient: 1, powers: new Map([[name, 1]]) };
}

export const ONE = constant(1);

export function times(a: Monomial, b: Monomial): Monomial {
  const powers = new Map(a.powers);
  for (const [name, power] of b.powers) {
    const sum = (powers.get(name) ?? 0) + power;
    if (sum === 0) powers.delete(name);
    else powers.set(name, sum);
  }
  return { coefficient: a.coefficient * b.coefficient, powers };
}

export function raised({ coefficient, powers }: Monomial, exponent: number): Monomial {
  return {
    coefficient: coefficient ** exponent,
    powers: new Map([...powers].map(([name, power]) => [name, power * exponent])),
  };
}

export function over(a: Monomial, b: Monomial): Monomial {
  // Dividing is exact where multiplying with a reciprocal is not, as with 49.
  const { powers } = times(a, raised(b, -1));
  return { coefficient: a.coefficient / b.coefficient, powers };
}

/** Returns null where the number is not known. */
export function numberOf({ coefficient, powers }: Monomial): number | null {
  return powers.size === 0 ? coefficient : null;
}

export function same(a: Monomial, b: Monomial): boolean {
  return numberOf(over(a, b)) === 1;
}

export function product(factors: readonly Monomial[]): Monomial {
  return factors.reduce(times, ONE);
}
